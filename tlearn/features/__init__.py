"""Take a backbone and images, and give stored features and a solved head: the frozen part, once."""
