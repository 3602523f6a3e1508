"""A local page over a whole work folder: query, look, ask why, mark."""
