/* Recordings as anybody could read them: the index by JSON, frames by the few lines that safetensors needs. */
'use strict';
const fs = require('node:fs');
const path = require('node:path');

/* FILE -> Map of name -> {shape, values} */
function read(file) {
    const bytes = fs.readFileSync(file);
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8'));
    const tensors = new Map();
    for (const [name, t] of Object.entries(header)) {
        if (name === '__metadata__') continue;
        const [from, to] = t.data_offsets.map((at) => at + 8 + length);
        const wide = t.dtype === 'F64';
        if (!wide && t.dtype !== 'F32') throw new Error(`${file}: ${name} is ${t.dtype}`);
        const values = [];
        for (let at = from; at < to; at += wide ? 8 : 4)
            values.push(wide ? bytes.readDoubleLE(at) : bytes.readFloatLE(at));
        tensors.set(name, { shape: t.shape, values });
    }
    return tensors;
}

/* FOLDER -> {header, frames: [{step, scalars, file}], scalars: Map of name -> Map of step -> value} */
function recording(folder) {
    const lines = fs
        .readFileSync(path.join(folder, 'index.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((l) => JSON.parse(l));
    const forgotten = new Set(lines.flatMap((l) => l.forget || []));
    const frames = lines.filter((l) => l.frame && !forgotten.has(l.step)).sort((a, b) => a.step - b.step);
    const scalars = new Map();
    for (const l of lines)
        for (const [name, value] of Object.entries(l.scalars || {})) {
            if (!scalars.has(name)) scalars.set(name, new Map());
            scalars.get(name).set(l.step, value);
        }
    return {
        header: lines[0],
        frames: frames.map((l) => ({ step: l.step, scalars: l.scalars, file: path.join(folder, l.frame) })),
        scalars,
    };
}

module.exports = { read, recording };
