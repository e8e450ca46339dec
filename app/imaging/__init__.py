"""Pictures: untrusted bytes in, ink and measures out. Pillow and mahotas live here alone."""
