"""The journal of a job: what its effects gave is recorded, so that the job goes on where a killed process stopped."""
