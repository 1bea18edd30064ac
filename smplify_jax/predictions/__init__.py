"""Bodies that other programs predict: their conventions, their files, and which of a picture's people is which."""
