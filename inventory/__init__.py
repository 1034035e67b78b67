"""An inventory of DigitalOcean Droplet backups that keeps their history.

The data flows one way:

    account       configured ids | tags | all
      -> pages      digitalocean.client     HTTP: authentication, retries, rate budget; knows nothing of backups
      -> Listing    digitalocean.questions  pages -> frozen values, and whether they can be trusted to be all
      -> Changeset  history.reconcile       stored x seen -> appeared, changed, returned, ended. Pure.
      -> rows       store                   current state and history, in one transaction
      -> rows       views                   what may be asked, as of any moment
      -> Verdict    judging                 what is wrong, how badly, since when. Pure.
      -> text       report                  tables, CSV, JSON, HTML

`sync` joins the first four; `commands`, `daemon` and `rounds` see the settings and join everything. Nothing here ever
writes to DigitalOcean.
"""

__version__ = "0.1.0"
