"""Where the documents of search indexes go: the database itself, OpenSearch, Elasticsearch."""
