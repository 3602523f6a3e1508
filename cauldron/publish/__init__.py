"""What leaves the house: export formats, data cards, Croissant, the hub."""
