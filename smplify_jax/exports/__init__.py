"""Files for other programs, one format a file: written from `BodyMotion`, which a result turns itself into."""
