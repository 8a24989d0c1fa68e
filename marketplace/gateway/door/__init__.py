"""The OpenAI-compatible door: pure ASGI, no Django request, middleware or ORM on its hot path."""
