/**
 * Draws `assets/sandbox/motion.mp4`, the result of every sandbox task: a small figure that dances and waves, with a
 * tune. Requires ffmpeg. Usage: node scripts/draw-sample.mjs [file]
 */
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [WIDTH, HEIGHT, FPS, FRAMES] = [480, 854, 30, 152];
const SECONDS = FRAMES / FPS;
/** The dance and the tune repeat after the last frame, so that a player can loop. */
const BEATS = 10;
const RATE = 44_100;

const hex = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
const palette = {
  ...{ top: '#1b2a4a', bottom: '#f2a07b', floor: '#34294f', disc: '#ffd98e', note: '#fff4e0' },
  ...{ skin: '#ffc9a3', hair: '#4a2b3f', ink: '#2b1b2f', cheek: '#ff9d8a' },
  ...{ shirt: '#ff5d73', sleeve: '#e84a62', trousers: '#2f7dd1', shoe: '#fff4e0' },
};
const colors = Object.fromEntries(Object.entries(palette).map(([name, color]) => [name, hex(color)]));

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * Creates an RGB frame to draw on. `shape` blends in a color where `distance` from an outline is below zero, with soft
 * edges.
 */
function createFrame() {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3);
  function shape(color, [left, top, right, bottom], distance, opacity = 1) {
    for (let y = Math.max(0, Math.floor(top)); y <= Math.min(HEIGHT - 1, Math.ceil(bottom)); y += 1) {
      for (let x = Math.max(0, Math.floor(left)); x <= Math.min(WIDTH - 1, Math.ceil(right)); x += 1) {
        const cover = clamp(0.5 - distance(x, y), 0, 1) * opacity;
        if (cover === 0) continue;
        const at = (y * WIDTH + x) * 3;
        for (let part = 0; part < 3; part += 1) pixels[at + part] += (color[part] - pixels[at + part]) * cover;
      }
    }
  }
  /** Draws a line with round ends, whose radius changes from `ra` to `rb`. */
  function limb(color, [ax, ay], [bx, by], ra, rb = ra) {
    const [dx, dy] = [bx - ax, by - ay];
    const length2 = dx * dx + dy * dy || 1;
    const r = Math.max(ra, rb) + 1;
    shape(color, [Math.min(ax, bx) - r, Math.min(ay, by) - r, Math.max(ax, bx) + r, Math.max(ay, by) + r], (x, y) => {
      const along = clamp(((x - ax) * dx + (y - ay) * dy) / length2, 0, 1);
      return Math.hypot(x - ax - along * dx, y - ay - along * dy) - (ra + (rb - ra) * along);
    });
  }
  function ellipse(color, [cx, cy], rx, ry, opacity = 1) {
    shape(
      color,
      [cx - rx - 1, cy - ry - 1, cx + rx + 1, cy + ry + 1],
      (x, y) => (Math.hypot((x - cx) / rx, (y - cy) / ry) - 1) * Math.min(rx, ry),
      opacity,
    );
  }
  return { pixels, shape, limb, ellipse };
}

/** Returns the joint between two bones of these lengths from `a` toward `b`, bent to one side. */
function joint([ax, ay], [bx, by], upper, lower, side) {
  const distance = clamp(Math.hypot(bx - ax, by - ay), 1, upper + lower - 0.01);
  const along = (upper * upper - lower * lower + distance * distance) / (2 * distance);
  const away = Math.sqrt(Math.max(0, upper * upper - along * along)) * side;
  const [ux, uy] = [(bx - ax) / distance, (by - ay) / distance];
  return [ax + ux * along - uy * away, ay + uy * along + ux * away];
}

function drawBackground({ pixels, ellipse }, beat) {
  for (let y = 0; y < HEIGHT; y += 1) {
    const share = clamp(y / 700, 0, 1);
    const row = y < 700 ? colors.top.map((part, at) => part + (colors.bottom[at] - part) * share) : colors.floor;
    for (let x = 0; x < WIDTH; x += 1)
      for (let part = 0; part < 3; part += 1) pixels[(y * WIDTH + x) * 3 + part] = row[part];
  }
  const pulse = 6 * Math.cos(2 * Math.PI * beat);
  ellipse(colors.disc, [240, 380], 190 + pulse, 190 + pulse, 0.35);
  ellipse(colors.disc, [240, 380], 150 + pulse, 150 + pulse, 0.45);
}

function drawNote({ limb, ellipse }, [x, y], tilt) {
  ellipse(colors.note, [x, y], 11, 8.5, 0.9);
  limb(colors.note, [x + 9, y - 2], [x + 9 + tilt, y - 42], 2.6);
  limb(colors.note, [x + 9 + tilt, y - 42], [x + 24 + tilt, y - 30], 3.2);
}

function drawFace({ limb, ellipse }, head, lean, isBlinking) {
  const at = (x, y) => [head[0] + x - y * lean, head[1] + y + x * lean];
  for (const x of [-22, 22]) {
    if (isBlinking) limb(colors.ink, at(x - 8, -2), at(x + 8, -2), 2.2);
    else {
      ellipse(colors.ink, at(x, -2), 7, 9.5);
      ellipse([255, 255, 255], at(x + 2.5, -6), 2.5, 3);
    }
    ellipse(colors.cheek, at(x * 1.75, 18), 10, 7, 0.75);
  }
  for (let step = 0; step < 12; step += 1) {
    const [from, to] = [step, step + 1].map((part) => Math.PI * (0.15 + (0.7 * part) / 12));
    limb(
      colors.ink,
      at(19 * Math.cos(from), 15 + 14 * Math.sin(from)),
      at(19 * Math.cos(to), 15 + 14 * Math.sin(to)),
      2.6,
    );
  }
}

/** Draws the figure at a time given in beats. */
function drawFigure(frame, beat) {
  const { limb, ellipse } = frame;
  const swing = Math.sin(Math.PI * beat);
  const bounce = Math.abs(Math.cos(Math.PI * beat));
  const hips = [240 + 26 * swing, 545 + 16 * bounce];
  const lean = 0.16 * swing;
  const chest = [hips[0] - 125 * lean * 1.2, hips[1] - 125];
  const head = [chest[0] - 92 * lean * 1.6, chest[1] - 92 + 4 * bounce];

  ellipse([20, 14, 34], [240 + 14 * swing, 757], 120 - 12 * bounce, 17, 0.45);
  const feet = [-1, 1].map((side) => [240 + side * 58 + 8 * swing, 745 - 34 * Math.max(0, side * swing)]);
  feet.forEach((foot, index) => {
    const side = index === 0 ? -1 : 1;
    const hip = [hips[0] + side * 26, hips[1] + 6];
    const knee = joint(hip, foot, 104, 104, -side);
    limb(colors.trousers, hip, knee, 27, 21);
    limb(colors.trousers, knee, foot, 21, 16);
    limb(colors.shoe, [foot[0] - side * 6, foot[1] + 4], [foot[0] + side * 24, foot[1] + 8], 15, 13);
  });

  // One arm waves. The other one pumps, and is also raised in the second half.
  const up = clamp(Math.sin((2 * Math.PI * (beat - 5)) / BEATS) * 3, 0, 1);
  const wave = Math.sin(2 * Math.PI * beat);
  const hands = [
    [chest[0] - 118 - 10 * up + 16 * wave * up, chest[1] + 70 - 22 * swing - (160 + 6 * wave) * up],
    [chest[0] + 118 + 42 * wave, chest[1] - 112 + 16 * Math.abs(wave)],
  ];
  const arms = hands.map((hand, index) => {
    const side = index === 0 ? -1 : 1;
    const shoulder = [chest[0] + side * 46, chest[1] + 4];
    return { shoulder, elbow: joint(shoulder, hand, 82, 80, side), hand };
  });
  for (const { elbow, hand } of arms) limb(colors.skin, elbow, hand, 14, 12);
  for (const { shoulder, elbow } of arms) limb(colors.sleeve, shoulder, elbow, 20, 17);
  for (const { hand } of arms) ellipse(colors.skin, hand, 19, 19);

  limb(colors.skin, chest, head, 20);
  limb(colors.shirt, [chest[0], chest[1] + 14], [hips[0], hips[1] - 12], 56, 46);
  limb(colors.trousers, [hips[0] - 22, hips[1] + 8], [hips[0] + 22, hips[1] + 8], 27);
  ellipse([255, 255, 255], [(chest[0] + hips[0]) / 2, (chest[1] + hips[1]) / 2 - 8], 20, 20, 0.9);
  ellipse(colors.shirt, [(chest[0] + hips[0]) / 2, (chest[1] + hips[1]) / 2 - 8], 12, 12);

  ellipse(colors.hair, [head[0] + 8 * lean, head[1] - 14], 72, 66);
  ellipse(colors.hair, [head[0] + 20 - 40 * lean, head[1] - 82 + 5 * bounce], 20, 24);
  ellipse(colors.skin, [head[0], head[1] + 2], 62, 60);
  limb(colors.hair, [head[0] - 42, head[1] - 34], [head[0] + 34, head[1] - 44], 15, 19);
  drawFace(frame, [head[0], head[1] + 6], lean, beat % 4 > 3.8);
}

function drawFrame(index) {
  const frame = createFrame();
  const beat = (index / FRAMES) * BEATS;
  drawBackground(frame, beat);
  for (const [x, offset] of [
    [70, 0],
    [410, 0.35],
    [120, 0.7],
  ]) {
    const rise = ((2 * beat) / BEATS + offset) % 1;
    drawNote(
      frame,
      [x + 16 * Math.sin(2 * Math.PI * (rise + offset)), 330 - 260 * rise],
      4 * Math.sin(2 * Math.PI * 2 * rise),
    );
  }
  drawFigure(frame, beat);
  return frame.pixels;
}

/** Composes a tune of plucked tones over a bass and a soft beat, in 16-bit mono. */
function composeTune() {
  const samples = new Float64Array(Math.round(SECONDS * RATE));
  const beatSeconds = SECONDS / BEATS;
  const play = (beat, midi, seconds, gain) => {
    const [from, frequency] = [Math.round(beat * beatSeconds * RATE), 440 * 2 ** ((midi - 69) / 12)];
    for (let at = 0; at < seconds * RATE; at += 1) {
      const time = at / RATE;
      const envelope = Math.min(1, time * 200) * Math.exp(-5 * time) * Math.min(1, (seconds - time) * 50);
      const phase = 2 * Math.PI * frequency * time;
      // Sound that extends beyond the end wraps around to the beginning.
      samples[(from + at) % samples.length] +=
        gain * envelope * (Math.sin(phase) + 0.3 * Math.sin(2 * phase) + 0.12 * Math.sin(4 * phase));
    }
  };
  const melody = [72, 76, 79, 76, 74, 77, 81, 77, 72, 76, 79, 84, 83, 79, 74, 79, 76, 79, 84, 88];
  melody.forEach((midi, index) => play(index / 2, midi, 0.6, 0.22));
  [48, 55, 50, 57, 48, 55, 43, 50, 48, 48].forEach((midi, beat) => play(beat, midi, 0.7, 0.3));
  let seed = 7;
  for (let half = 0; half < 2 * BEATS; half += 1) {
    for (let at = 0; at < 0.05 * RATE; at += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      samples[Math.round((half / 2) * beatSeconds * RATE) + at] +=
        (half % 2 === 0 ? 0.03 : 0.07) * (seed / 1_073_741_824 - 1) * Math.exp(-at / (0.012 * RATE));
    }
  }
  const bytes = Buffer.alloc(samples.length * 2);
  samples.forEach((value, at) => bytes.writeInt16LE(Math.round(clamp(value, -1, 1) * 28_000), at * 2));
  return bytes;
}

const file = process.argv[2] ?? fileURLToPath(new URL('../assets/sandbox/motion.mp4', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sample-'));
const tune = join(folder, 'tune.raw');
writeFileSync(tune, composeTune());
const options = [
  `-y -loglevel error -f rawvideo -pix_fmt rgb24 -s ${WIDTH}x${HEIGHT} -r ${FPS} -i - -f s16le -ar ${RATE} -ac 1 -i ${tune}`,
  '-c:v libx264 -profile:v main -pix_fmt yuv420p -crf 25 -preset slow -threads 1 -c:a aac -b:a 64k',
  '-movflags +faststart -fflags +bitexact -flags:v +bitexact -flags:a +bitexact',
];
const ffmpeg = spawn('ffmpeg', [...options.join(' ').split(' '), file], { stdio: ['pipe', 'inherit', 'inherit'] });
for (let index = 0; index < FRAMES; index += 1)
  if (!ffmpeg.stdin.write(drawFrame(index))) await once(ffmpeg.stdin, 'drain');
ffmpeg.stdin.end();
const [code] = await once(ffmpeg, 'close');
rmSync(folder, { recursive: true });
process.exitCode = code;
