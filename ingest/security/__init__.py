"""Who may speak to the broker and the database, and with which secret.

`store` is the folder that holds it all; `accounts` says who may do what, `broker` and `databases` tell Mosquitto and
InfluxDB so, `passwords` and `certificates` make what is secret. Nothing secret leaves this package in an argument, a
log or an error.
"""

from ingest.security.certificates import Expiring, expiring

__all__ = ["Expiring", "expiring"]
