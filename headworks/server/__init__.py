"""The HTTP application: paths, headers and errors. It passes calls to a Service and knows no policy."""
