from kit.team import team, team_server

__all__ = ["team", "team_server"]
