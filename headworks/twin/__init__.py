"""The planner: the serving stack over simulated vendors, on virtual time. It predicts how a system will behave."""
