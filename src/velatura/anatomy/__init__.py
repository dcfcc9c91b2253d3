"""Pictures of what each layer sees."""
