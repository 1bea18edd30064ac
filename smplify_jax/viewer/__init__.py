"""`smplify-view`: saved results in a browser, in three dimensions. The only room that imports viser."""
