"""Pages and API: the application, its security and its errors."""
