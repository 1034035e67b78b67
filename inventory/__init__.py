"""An inventory of DigitalOcean Droplet backups that remembers.

The data goes one way, station by station:

    account      configured ids | tags | all
      -> pages     digitalocean.client    HTTP: authentication, retries, rate budget; knows nothing of backups
      -> Listing   digitalocean.account   pages -> frozen values, and whether they can be trusted to be all
      -> Plan      reconcile              stored x seen -> appeared, changed, returned, ended. Pure.
      -> rows      store                  current state and history, in one transaction

`sync` joins the stations; the `commands` see the settings and join everything. Nothing here ever writes to
DigitalOcean.
"""

__version__ = "0.1.0"
