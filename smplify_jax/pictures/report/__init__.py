"""A page for browsers, in one file, that shows fitted bodies over their pictures."""
