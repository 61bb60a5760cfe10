"""The models of this herd for programs that speak to OpenAI or to Ollama.

A third front end beside the command line and the app: requests in, the core called,
answers out. It needs the extra `serve` (Starlette and uvicorn); `import
herd.serve` alone loads neither.
"""
