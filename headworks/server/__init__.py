"""The public edge's application: paths, headers and errors as HTTP. Carries calls to a Service and knows no policy."""
