"""Azure's request and response, as `@rawhttp` scripts know them."""
