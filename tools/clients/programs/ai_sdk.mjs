// The Vercel AI SDK by one of its providers, which is the first argument: `responses`, `responses-unstored` (with `store: false`), `chat`,
// `anthropic` or `google`.
// It runs where its packages are installed: the second argument is that folder. Jobs and outcomes as in loop.py.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

// Outcomes only go to standard output: the SDK logs there, too.
globalThis.AI_SDK_LOG_WARNINGS = false;
console.log = console.info = console.warn = console.error;
const require = createRequire(`${process.argv[3]}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { generateText, streamText, stepCountIs, isStepCount, tool } = await load('ai');
const { z } = await load('zod');
const { createOpenAI } = await load('@ai-sdk/openai');
const { createAnthropic } = await load('@ai-sdk/anthropic');
const { createGoogleGenerativeAI } = await load('@ai-sdk/google');

const lookup = tool({
  description: 'Looks a text up.',
  inputSchema: z.object({ text: z.string() }),
  execute: async ({ text }) => `found ${text}`,
});

function model(job) {
  const openai = createOpenAI({ baseURL: `${job.url}/v1`, apiKey: job.key });
  switch (process.argv[2]) {
    case 'responses': case 'responses-unstored': return openai(job.model);
    case 'chat': return openai.chat(job.model);
    case 'anthropic': return createAnthropic({ baseURL: `${job.url}/v1`, apiKey: job.key })(job.model);
    default: return createGoogleGenerativeAI({ baseURL: `${job.url}/v1beta`, apiKey: job.key })(job.model);
  }
}

async function ask(job) {
  const asked = {
    model: model(job),
    prompt: job.prompt,
    stopWhen: (stepCountIs ?? isStepCount)(250),
    abortSignal: AbortSignal.timeout(job.wait * 1000),
    ...(process.argv[2] === 'responses-unstored' ? { providerOptions: { openai: { store: false } } } : {}),
    ...(job.tool ? { tools: { lookup } } : {}),
  };
  if (!job.streamed) return (await generateText(asked)).text;
  let failed;
  const result = streamText({ ...asked, onError: ({ error }) => { failed ??= error; } });
  await result.consumeStream();
  if (failed) throw failed;
  return await result.text;
}

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  let said;
  try {
    said = { text: await ask(job) };
  } catch (error) {
    // The SDK's errors are `AI_...`; what a vendor says in mid-stream is handed on as it is, by design.
    const name = error?.name ?? error?.type ?? typeof error;
    const message = String(error?.message ?? JSON.stringify(error)).slice(0, 300);
    said = { error: name, message, is_own: String(name).startsWith('AI_') || !(error instanceof Error) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
process.exit(0);
