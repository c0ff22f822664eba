"""The face of the lab: the only code that imports streamlit and plotly."""
