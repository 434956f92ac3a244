"""The PSRAM norm engine. It knows no Kubernetes, no GitLab and nothing of amcloud."""
