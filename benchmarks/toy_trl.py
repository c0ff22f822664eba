"""The toy task by TRL's trainers. Runs where TRL is installed, see `benchmarks.trl`, and needs nothing else of ours:
`python -m benchmarks.toy_trl ALGORITHM SEED MOST_STEPS`.

TRL 1.12 is the last with a PPO trainer. Learning rates are those that a first trial found best for each.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    GPT2Config,
    PreTrainedTokenizerFast,
    TrainerCallback,
)

from benchmarks import toy_task as task

NEVER = -1e4
PAD, EOS, UNK = range(3)
LEARNING_RATES = {"ppo": 3e-4, "grpo": 1e-3, "rloo": 1e-3, "reward": 1e-3}
COMMON: dict[str, Any] = {
    "report_to": "none", "bf16": False, "gradient_checkpointing": False, "use_cpu": True, "disable_tqdm": True,
    "save_strategy": "no", "lr_scheduler_type": "constant",
}  # fmt: skip


class Reached(Exception):
    """The target is reached; PPO's training loop heeds no other way to stop."""


class Clock:
    """CPU-seconds since training began, and the mean reward of each batch at its time."""

    def __init__(self) -> None:
        self.began = 0.0
        self.rewards: list[float] = []
        self.seconds: list[float] = []

    def start(self) -> None:
        self.began = time.process_time()

    def saw(self, rewards: list[float]) -> bool:
        """Note a batch; whether it reaches the target."""
        self.rewards.append(sum(rewards) / len(rewards))
        self.seconds.append(time.process_time() - self.began)
        return self.rewards[-1] >= task.TARGET

    def report(self) -> dict[str, Any]:
        reached = bool(self.rewards) and self.rewards[-1] >= task.TARGET
        gaps = len(self.seconds) - 1
        return {
            "reached": self.seconds[-1] if reached else None,
            "iterations": len(self.rewards),
            "seconds_per_iteration": (self.seconds[-1] - self.seconds[0]) / gaps if gaps > 0 else self.seconds[-1],
            "rewards": self.rewards,
        }


class Watch(TrainerCallback):
    """Starts a clock with the training, notes the time of each optimiser step, and stops when told to."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.steps, self.stop = clock, list[float](), False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.clock.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        self.steps.append(time.process_time())
        control.should_training_stop = control.should_training_stop or self.stop
        return control


def make_tokenizer(padding_side: str) -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(task.SPECIALS + task.WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side=padding_side,
        model_max_length=task.CONTEXT,
    )  # fmt: skip


def shape(**options: Any) -> GPT2Config:
    return GPT2Config(
        vocab_size=len(task.SPECIALS + task.WORDS), n_positions=task.CONTEXT, n_embd=task.WIDTH, n_layer=task.LAYERS,
        n_head=task.HEADS, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, pad_token_id=PAD, eos_token_id=EOS,
        bos_token_id=EOS, **options,
    )  # fmt: skip


def words_only(model: Any) -> Any:
    """The model writes words alone, so that every response has its full length."""
    specials = torch.tensor([PAD, EOS, UNK])
    model.lm_head.register_forward_hook(lambda module, given, out: out.index_fill(-1, specials, NEVER))
    return model


def by_group(algorithm: str, seed: int, most: int) -> dict[str, Any]:
    """GRPO or RLOO."""
    import trl

    config, trainer = {
        "grpo": (trl.GRPOConfig, trl.GRPOTrainer),
        "rloo": (trl.RLOOConfig, trl.RLOOTrainer),
    }[algorithm]
    clock = Clock()
    watch = Watch(clock)

    def reward(completions: list[str], **kwargs: Any) -> list[float]:
        rewards = [task.reward(completion) for completion in completions]
        watch.stop = clock.saw(rewards)
        return rewards

    with tempfile.TemporaryDirectory() as folder:
        # From a folder, as the trainer loads its reference from where the model came from.
        AutoModelForCausalLM.from_config(shape()).save_pretrained(folder)
        tokenizer = make_tokenizer("left")
        tokenizer.save_pretrained(folder)
        settings = config(
            output_dir=folder, per_device_train_batch_size=task.BATCH // task.MINIBATCHES,
            steps_per_generation=task.MINIBATCHES, num_iterations=task.EPOCHS, num_generations=task.GROUP,
            max_completion_length=task.RESPONSE, temperature=1.0, beta=task.KL_COEF,
            learning_rate=LEARNING_RATES[algorithm], max_steps=most * task.EPOCHS * task.MINIBATCHES,
            logging_steps=10**6, seed=seed, generation_kwargs={"suppress_tokens": [EOS]}, **COMMON,
        )  # fmt: skip
        prompts = Dataset.from_list([{"prompt": prompt} for prompt in task.make_prompts(task.PROMPTS, seed)])
        trainer(
            model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), args=settings,
            processing_class=tokenizer, train_dataset=prompts, reward_funcs=reward, callbacks=[watch],
        ).train()  # fmt: skip
    return clock.report()


class GoodWords(torch.nn.Module):
    """The share of good words so far, at each place: what PPO's trainer takes for a reward model's backbone."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def forward(self, input_ids: torch.Tensor, **options: Any) -> Any:
        good = (input_ids >= len(task.SPECIALS)) & (input_ids < len(task.SPECIALS) + len(task.GOOD))
        good[:, : task.PROMPT] = False
        share = good.float().cumsum(1)[..., None] / task.RESPONSE
        if len(share) == task.BATCH and self.clock.saw(share[:, -1, 0].tolist()):
            raise Reached
        return type("Output", (), {"hidden_states": (share,)})()


class RewardOfGoodWords(torch.nn.Module):
    """A reward model of the form that PPO's trainer asks for."""

    base_model_prefix = "backbone"

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.backbone, self.score = GoodWords(clock), torch.nn.Identity()


def ppo(seed: int, most: int) -> dict[str, Any]:
    """PPO, with a value model of its own, as TRL has it."""
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    clock, tokenizer = Clock(), make_tokenizer("left")
    policy, reference = (AutoModelForCausalLM.from_config(shape()) for _ in range(2))
    reference.load_state_dict(policy.state_dict())
    prompts = Dataset.from_list(
        [{"input_ids": tokenizer(prompt)["input_ids"]} for prompt in task.make_prompts(task.PROMPTS, seed)]
    )
    with tempfile.TemporaryDirectory() as folder:
        settings = PPOConfig(
            output_dir=folder, per_device_train_batch_size=task.BATCH, gradient_accumulation_steps=1,
            num_mini_batches=task.MINIBATCHES, num_ppo_epochs=task.EPOCHS, total_episodes=most * task.BATCH,
            response_length=task.RESPONSE, temperature=1.0, kl_coef=task.KL_COEF, gamma=1.0, lam=0.95,
            learning_rate=LEARNING_RATES["ppo"], local_rollout_forward_batch_size=task.BATCH,
            num_sample_generations=0, logging_steps=1, seed=seed, **COMMON,
        )  # fmt: skip
        trainer = PPOTrainer(
            args=settings, processing_class=tokenizer, model=words_only(policy), ref_model=words_only(reference),
            reward_model=RewardOfGoodWords(clock),
            value_model=AutoModelForSequenceClassification.from_config(shape(num_labels=1)),
            train_dataset=prompts, eval_dataset=prompts.select(range(8)), callbacks=[Watch(clock)],
        )  # fmt: skip
        try:
            trainer.train()
        except Reached:
            pass
    return clock.report()


def reward_model(seed: int, most: int) -> dict[str, Any]:
    """Pairs per CPU-second between the first optimiser step and the last."""
    from trl import RewardConfig, RewardTrainer

    tokenizer, watch = make_tokenizer("right"), Watch(Clock())
    model = AutoModelForSequenceClassification.from_config(shape(num_labels=1))
    pairs = task.make_pairs(task.PAIRS, seed)
    rows = [{"prompt": p.prompt, "chosen": f" {p.chosen}", "rejected": f" {p.rejected}"} for p in pairs]
    steps = min(most, task.PAIR_EPOCHS * task.PAIRS // task.PAIR_BATCH)
    with tempfile.TemporaryDirectory() as folder:
        settings = RewardConfig(
            output_dir=folder, per_device_train_batch_size=task.PAIR_BATCH, max_steps=steps,
            learning_rate=LEARNING_RATES["reward"], max_length=task.CONTEXT, logging_steps=10**6, seed=seed, **COMMON,
        )  # fmt: skip
        RewardTrainer(
            model=model, args=settings, processing_class=tokenizer, train_dataset=Dataset.from_list(rows),
            callbacks=[watch],
        ).train()  # fmt: skip
    held = task.make_pairs(task.HELD_OUT, seed + 1000)

    @torch.no_grad()
    def score(texts: list[str]) -> torch.Tensor:
        batch = tokenizer([f"{text} <eos>" for text in texts], return_tensors="pt", padding=True)
        return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0]

    model.eval()
    first, second = (score([f"{p.prompt} {getattr(p, side)}" for p in held]) for side in ("chosen", "rejected"))
    return {
        "pairs_per_second": (len(watch.steps) - 1) * task.PAIR_BATCH / (watch.steps[-1] - watch.steps[0]),
        "accuracy": float((first > second).float().mean()),
        "best_accuracy": task.best_accuracy(held),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    name, seed, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(seed)
    runs = {"reward": reward_model, "ppo": ppo}
    print(json.dumps(runs[name](seed, most) if name in runs else by_group(name, seed, most)))
