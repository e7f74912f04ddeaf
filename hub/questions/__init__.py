"""Questions of citizens and agencies at the national portal, their deadlines, and the answers that go back."""
