"""The sandbox's identity provider (a library's, for tests) and ways to sign in without a browser.

Any client id and secret are accepted: what is played here is the agents' directory, not the registration of clients.
"""

from amcloud_sandbox.identity.signing_in import SignInError, edge_session, id_token, sign_in
from amcloud_sandbox.identity.users import USERS, Agent, agent_of

__all__ = ["USERS", "Agent", "SignInError", "agent_of", "edge_session", "id_token", "sign_in"]
