"""Reinforcement learning from human feedback, readable and whole. Read it in this order:

1. `corpus`: what there is to say (`corpus_english`; `corpus_korean`, with its `conjugation` and its particles, `josa`),
   and `gold`: what an answer is worth, computed from its text. `reading` (with `english_reading` and
   `korean_reading`): what people may mean by what they type.
2. `tokenizer`, `attention`, `feed_forward`, `language_model`: a mini GPT; `decoding`: the same, a token at a time;
   `sampling`: how a token is drawn. `likelihood`, `pretraining` (with `muon`): how it learns; `weights`: on disk.
   `lstm`: the notebook's network instead; `architectures`: both, in three sizes. `next_token`: what could come next,
   and what temperature and top-k make of it. `vocabulary`: what words are for, and where their vectors lie.
3. `preferences`, `annotators`: who prefers which of two answers. `pair_selection`: which two to ask about next.
   `notebook_pairs`: the notebook's. `formats`: the same as files, of any language and of other tools. `agreement`: do
   annotators agree by more than chance?
4. `attribute_encoder`, `reward_model`: what those preferences have in common (Bradley and Terry). `reward_ensemble`:
   how sure is it? `neural_reward`: the same, learnt by a network from the labels alone. `reward_comparison`: all
   of them side by side. `reward_inspection`, `reward_traps`: what does it pay for, and what does it fall for?
5. `kl`, `advantages`, `rollout`, `descent`, `ppo`: change what the model says, without losing it; `slow_motion`: one
   step of it, token by token. `groups` with `rloo` and `grpo`: the same without a critic; `dpo`: without a reward
   model; `best_of_n`: without training. `algorithms`: all of them side by side. `over_optimisation`: what becomes of
   the true reward while a proxy is pushed up.
6. `constitution`, `principle_judge`: principles in place of labels, and who says whether an answer keeps them.
   `critic`, `critic_lessons`, `constitutional_ai`: a language model that criticises and revises. `sl_cai`, `rlaif`:
   train on that (Bai et al.). `keyword_rule`: the baseline.
7. `metrics`, `evaluation`: how good is it now, and how sure are we?
8. `gridworld`, `maze_language`: a maze, and its state and thoughts as text. `navigation`: a language model that thinks,
   then acts, and the rules beside it. `cloning` and `navigation_ppo`: how it learns.
   `navigation_evaluation`: does it arrive, and does it do what it thinks? `gymnasium_maze`: the maze for other agents.
9. `labyrinth`: where a team has to get out. `team_messages`, `team_voice`: what its members say, and how they see to it
   that it arrives. `team_map`, `team_members`: what each believes and does. `agent_team`: all of it, tick by tick.
   `team_minds`: members who are a language model. `team_evaluation`: what is teamwork worth? `pettingzoo_team`: the
   labyrinth for other agents.
10. `outlook`: the numbers of a forecast, and what many forecasts come to.

`checkpoints` holds the trained weights and the scripts that remake them; `headless` with `headless_label`,
`headless_constitution`, `headless_navigation` and `headless_team`, and `__main__`, run each stage from a command line.
The package needs torch, numpy and safetensors, draws every random number from generators of its own, and knows nothing
of the app around it.
"""
