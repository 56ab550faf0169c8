"""How changes of a source become known through Django: signals and the bulk methods of querysets."""
