"""Values and cotangent tables: what is kept, invalidated, evicted and rematerialised."""
