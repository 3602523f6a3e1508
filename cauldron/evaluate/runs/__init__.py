"""Benchmarks on models: asking, answering by a model or an endpoint, results, comparison, page."""
