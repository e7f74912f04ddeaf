"""PostgreSQL: the engine, the sealing of what is stored, the migrations, the embedded server."""
