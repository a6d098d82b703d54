"""Forms for schemas: what each field shows, offers and checks."""
