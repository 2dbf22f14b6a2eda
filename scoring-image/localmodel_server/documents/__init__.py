"""The documents that describe this service: Swagger 2 and OpenAPI 3.1."""
