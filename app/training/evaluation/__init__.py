"""How good the recipe is on children it has not seen, against controls; and the report on it."""
