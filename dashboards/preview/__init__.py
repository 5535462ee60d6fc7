"""The preview: a local page that draws the generated Grafana boards from InfluxDB, where no Grafana runs.

It reads the committed JSON and does with it what Grafana would; it knows nothing of its own about the boards.
"""
