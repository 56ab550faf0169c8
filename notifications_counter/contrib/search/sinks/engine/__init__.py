"""What the sinks of OpenSearch and Elasticsearch have in common: all but the client."""
