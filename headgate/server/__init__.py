"""The ASGI application and its transport: HTTP, WebSocket, uploads, access."""
