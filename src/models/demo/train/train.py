"""The training loop of the demo model, and nothing else: reads token rows, writes raw weights.

    python3 train.py WORK_DIRECTORY [--workers N] [--save-every SECONDS] [--from WEIGHTS]

WORK_DIRECTORY/rows.bin holds uint16 rows of tokens, batch after batch as the phases of shape.json say; bit 15 marks a
token the model is trained to predict. weights.f32 is every tensor as little-endian float32 in the order of weights.json.
Matrices of the blocks are optimised with Muon (Jordan et al., 2024: momentum orthogonalised by Newton-Schulz),
embeddings and norms with AdamW; trapezoid learning rate. Needs PyTorch 1.13 or newer and NumPy.
"""

import argparse
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

EPSILON = 1e-5
EMBEDDING_SCALE = 0.05


class Block(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        d, heads, kv = shape["width"], shape["heads"], shape["keyValueHeads"]
        self.heads, self.kv, self.head_width = heads, kv, d // heads
        self.attn_norm = torch.nn.Parameter(torch.ones(d))
        self.attn_q = matrix(d, d)
        self.attn_k = matrix(kv * self.head_width, d)
        self.attn_v = matrix(kv * self.head_width, d)
        self.attn_output = matrix(d, d, shape["layers"])
        self.ffn_norm = torch.nn.Parameter(torch.ones(d))
        self.ffn_gate = matrix(shape["feedForward"], d)
        self.ffn_up = matrix(shape["feedForward"], d)
        self.ffn_down = matrix(d, shape["feedForward"], shape["layers"])

    def attend(self, x, cos, sin):
        batch, length, d = x.shape
        h = rms_norm(x, self.attn_norm)
        q = (h @ self.attn_q.T).view(batch, length, self.heads, -1).transpose(1, 2)
        k = (h @ self.attn_k.T).view(batch, length, self.kv, -1).transpose(1, 2)
        v = (h @ self.attn_v.T).view(batch, length, self.kv, -1).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k = k.repeat_interleave(self.heads // self.kv, dim=1)
        v = v.repeat_interleave(self.heads // self.kv, dim=1)
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        scores = (q @ k.transpose(2, 3) / self.head_width**0.5).masked_fill(later, float("-inf"))
        attended = scores.softmax(dim=-1) @ v
        return x + attended.transpose(1, 2).reshape(batch, length, d) @ self.attn_output.T

    def feed(self, x):
        h = rms_norm(x, self.ffn_norm)
        return x + (F.silu(h @ self.ffn_gate.T) * (h @ self.ffn_up.T)) @ self.ffn_down.T


class Llama(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.token_embd = torch.nn.Parameter(torch.randn(shape["vocabularySize"], shape["width"]) * EMBEDDING_SCALE)
        self.output_norm = torch.nn.Parameter(torch.ones(shape["width"]))
        self.blocks = torch.nn.ModuleList(Block(shape) for _ in range(shape["layers"]))
        head_width = shape["width"] // shape["heads"]
        inverse = shape["ropeBase"] ** (-torch.arange(0, head_width, 2).double() / head_width)
        angles = torch.outer(torch.arange(shape["contextLength"]).double(), inverse)
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)
        start_copying(self, inverse.float())

    def forward(self, tokens, wanted):
        """Logits of the wanted positions alone; the last feed-forward is computed for no others."""
        x = self.token_embd[tokens]
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        *blocks, last = self.blocks
        for block in blocks:
            x = block.feed(block.attend(x, cos, sin))
        x = last.feed(last.attend(x, cos, sin)[wanted])
        return rms_norm(x, self.output_norm) @ self.token_embd.T


@torch.no_grad()
def start_copying(model, frequencies):
    """Starts the model with a copying circuit (Olsson et al., "In-context Learning and Induction Heads", 2022).

    Training finds one only after very many steps in a model this small. The residual's dimensions: 0 the same for all
    tokens, 1 to 95 the token, then 32 each for the codes of the tokens one, two and three back. The first layer's first
    three heads look back by RoPE alone: queries and keys made of dimension 0 meet where their phases agree. In the
    second layer one head of each group looks for a place that followed the same two tokens, and copies what is there.
    """
    first, second = model.blocks[0], model.blocks[1]
    width, size = model.token_embd.shape[1], first.head_width
    token, back = slice(1, width - 3 * size), [slice(width - n * size, width - (n - 1) * size) for n in (3, 2, 1)]
    token_width = token.stop - token.start
    model.token_embd[:, 0] = 3 * EMBEDDING_SCALE
    model.token_embd[:, token.stop :] = 0
    for block in model.blocks:
        block.attn_output.zero_()
        block.ffn_down.zero_()

    code = orthonormal(size, token_width)
    looking_pairs, looking = 5, 2.4
    first.attn_k[:size] = 0
    first.attn_k[0 : 2 * looking_pairs : 2, 0] = looking
    first.attn_v[:size] = 0
    first.attn_v[:size, token] = code
    for head in range(3):
        phases = frequencies[:looking_pairs] * (head + 1)
        rows = first.attn_q[head * size : (head + 1) * size]
        rows.zero_()
        rows[0 : 2 * looking_pairs : 2, 0] = looking * phases.cos()
        rows[1 : 2 * looking_pairs : 2, 0] = -looking * phases.sin()
        first.attn_output[back[head], head * size : (head + 1) * size] = EMBEDDING_SCALE * torch.eye(size)

    slow, matching = size - 20, 2.0
    copies = orthonormal(2 * size, token_width)
    for group in range(second.kv):
        one, two = orthonormal(12, size), orthonormal(8, size)
        key = second.attn_k[group * size : (group + 1) * size]
        key.zero_()
        key[slow : slow + 12, back[0]] = matching * one
        key[slow + 12 :, back[1]] = matching * two
        head = group * (second.heads // second.kv)
        query = second.attn_q[head * size : (head + 1) * size]
        query.zero_()
        query[slow : slow + 12, token] = matching * one @ code
        query[slow + 12 :, back[0]] = matching * two
        copied = copies[group * size : (group + 1) * size]
        second.attn_v[group * size : (group + 1) * size] = 0
        second.attn_v[group * size : (group + 1) * size, token] = copied
        second.attn_output[token, head * size : (head + 1) * size] = 6 * EMBEDDING_SCALE * copied.T


def orthonormal(rows, columns):
    return torch.linalg.qr(torch.randn(columns, rows))[0].T


def matrix(rows, columns, layers=None):
    scale = columns**-0.5 if layers is None else columns**-0.5 / math.sqrt(2 * layers)
    return torch.nn.Parameter(torch.randn(rows, columns) * scale)


def rms_norm(x, weight):
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + EPSILON) * weight


def rotate(x, cos, sin):
    """RoPE on neighbouring pairs, as llama.cpp's `llama` architecture does it."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Muon:
    def __init__(self, parameters, momentum=0.95):
        self.parameters, self.momentum = list(parameters), momentum
        self.buffers = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, rate):
        for parameter, buffer in zip(self.parameters, self.buffers):
            buffer.lerp_(parameter.grad, 1 - self.momentum)
            update = orthogonalised(parameter.grad.lerp(buffer, self.momentum))
            parameter.mul_(1 - rate * 0.05)
            parameter.add_(update, alpha=-rate * max(1, parameter.shape[0] / parameter.shape[1]) ** 0.5)


def orthogonalised(gradient):
    """Five quintic Newton-Schulz steps towards the nearest semi-orthogonal matrix."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = gradient / (gradient.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def rate_at(step, steps, plateau):
    """Up over the first 20 steps, 1 until `plateau` of all steps, then down linearly to nothing."""
    return min(1, (step + 1) / 20, (steps - step) / (steps * (1 - plateau)))


def gguf_names(model):
    for name, parameter in model.named_parameters():
        yield name.replace("blocks.", "blk.") + ".weight", parameter.detach()


def save(model, directory):
    entries = list(gguf_names(model))
    temporary = os.path.join(directory, "weights.f32.partial")
    with open(temporary, "wb") as file:
        for _, tensor in entries:
            file.write(tensor.contiguous().numpy().astype("<f4").tobytes())
    os.replace(temporary, os.path.join(directory, "weights.f32"))
    with open(os.path.join(directory, "weights.json"), "w") as file:
        json.dump([{"name": name, "shape": list(tensor.shape)} for name, tensor in entries], file)


@torch.no_grad()
def load(model, path):
    values, start = np.fromfile(path, "<f4"), 0
    for _, tensor in gguf_names(model):
        tensor.copy_(torch.from_numpy(values[start : start + tensor.numel()].reshape(tensor.shape)))
        start += tensor.numel()


def batches(directory, shape, workers, rank):
    """This worker's rows of every batch, phase by phase."""
    tokens = np.memmap(os.path.join(directory, "rows.bin"), "<u2", "r")
    start = 0
    for phase in shape["phases"]:
        length, rows = phase["rowTokens"], phase["rows"]
        for _ in range(phase["batches"]):
            batch = tokens[start : start + rows * length].astype(np.int64).reshape(rows, length)
            yield torch.from_numpy(batch[rank::workers])
            start += rows * length


def work(rank, options, shape, model, gradients, barrier):
    """One of the processes that share the weights: each takes its rows, then each updates the tensors it owns."""
    torch.set_num_threads(1)
    parameters = dict(model.named_parameters())
    names = sorted(parameters, key=lambda name: -parameters[name].numel())
    owned = names[rank :: options.workers]
    is_matrix = {name: parameters[name].ndim == 2 and name != "token_embd" for name in names}
    muon = Muon(parameters[name] for name in owned if is_matrix[name])
    others = [parameters[name] for name in owned if not is_matrix[name]]
    adam = torch.optim.AdamW(others, lr=options.adam_rate, betas=(0.9, 0.98), weight_decay=0.0)
    steps = sum(phase["batches"] for phase in shape["phases"])
    started = saved = time.time()
    running, seen = None, 0
    for step, batch in enumerate(batches(options.directory, shape, options.workers, rank)):
        tokens, wanted = batch & 0x7FFF, batch[:, 1:] >= 0x8000
        seen += tokens.numel() * options.workers
        logits = model(tokens[:, :-1], wanted)
        loss = F.cross_entropy(logits, tokens[:, 1:][wanted])
        model.zero_grad(set_to_none=True)
        loss.backward()
        for name in names:
            gradients[name][rank] = parameters[name].grad
        barrier.wait()
        for name in owned:
            parameters[name].grad = gradients[name].mean(dim=0)
        rate = rate_at(step, steps, options.plateau)
        muon.step(options.muon_rate * rate)
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        for group in adam.param_groups:
            group["lr"] = options.adam_rate * rate
        adam.step()
        barrier.wait()
        if wanted.any():
            running = loss.item() if running is None else 0.9 * running + 0.1 * loss.item()
        if rank > 0:
            continue
        now = time.time()
        if step % 20 == 0:
            print(f"step {step}/{steps} loss {running:.4f} tokens/s {seen / (now - started):.0f}", flush=True)
        if now - saved > options.save_every:
            save(model, options.directory)
            saved = now
    if rank == 0:
        save(model, options.directory)
        print(f"done: loss {running:.4f}, {time.time() - started:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=4e-3)
    parser.add_argument("--plateau", type=float, default=0.0, help="share of the steps at the full rate")
    parser.add_argument("--save-every", type=float, default=180, help="seconds")
    parser.add_argument("--from", dest="start", help="weights.f32 to go on from")
    options = parser.parse_args()
    torch.manual_seed(7)
    with open(os.path.join(options.directory, "shape.json")) as file:
        shape = json.load(file)
    model = Llama(shape).share_memory()
    if options.start:
        load(model, options.start)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    gradients = {
        name: torch.zeros(options.workers, *parameter.shape).share_memory_()
        for name, parameter in model.named_parameters()
    }
    context = torch.multiprocessing.get_context("fork")
    barrier = context.Barrier(options.workers)
    arguments = (options, shape, model, gradients, barrier)
    workers = [context.Process(target=work, args=(rank, *arguments)) for rank in range(options.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
