"""What scripts and models import that their environment does not bring: found before anything starts."""
