"""The processes that run user code: started, forked, handed requests, replaced, ended."""
