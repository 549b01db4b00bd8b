"""`/app/`: the resident's app. What is in force for my village, what to do, where to go.

Without JavaScript the same pages are plain forms and links; with it the app can be installed,
works without a network, and is woken by Web Push.
"""

from console.web.resident.routes import router as router
