"""A store in a registry's repository, which machines share; what is known of it here is a folder of records."""
