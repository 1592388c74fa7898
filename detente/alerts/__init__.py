"""The alerts stage: stories, subscriptions, and what is sent to whom."""
