"""PostgreSQL: the schema, and one file of queries an aggregate."""
