"""idle_app_shutdown beside what people would use instead: one ground truth, one organization, several who stop its apps.

`truth` says what people did, `reports` what their apps say of it, `world` puts both into localaws, `subjects` and `custodian` stop apps, `scores`
holds what was stopped against the truth, and `measured` brings it together. `scale` is about the size of organizations.
"""
