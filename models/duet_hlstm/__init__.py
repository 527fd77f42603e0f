"""DuetHLSTM: its settings, its network, the loop that continues music, and the system."""
