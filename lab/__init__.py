"""The app without a face: labs, labels, reward models and runs, kept in a database. Imports no Streamlit.

Read in this order: `store` (what is kept; over `database` and `tables`), `labelling` (the rules of labelling), `reward`
(the reward model of the labels), `jobs` (training in the background), `ppo` (the one job there is), `app` (all of it).
"""
