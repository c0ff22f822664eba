"""The app without a face: labs, labels, constitutions, reward models and runs, kept in a database. Imports no
Streamlit.

Read in this order: `store` (what is kept; over `database` and `tables`), `labelling` (the rules of labelling), `reward`
(the reward model of the labels), `constitution` (the rules of constitutions), `jobs` (training in the background),
`training` (what the jobs share), `pretraining`, `ppo`,
`sl_cai` and `rlaif` (the jobs), `stages` (all of these), `app` (all of it).
"""
