// node validate.mjs DIR...: read the exports in each directory with the tools they are made for.
// Prints a line for each problem; ends with 1 when there is one. `tokens.css` is the measure:
// what a tool reads in another file must come to the same values.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Logger, build, defineConfig, parse } from '@terrazzo/parser';
import terrazzoCss from '@terrazzo/plugin-css';
import { transform } from 'lightningcss';
import postcss from 'postcss';
import * as sass from 'sass';
import StyleDictionary from 'style-dictionary';
import stylelint from 'stylelint';
import { compile } from 'tailwindcss';
import tailwind3 from 'tailwindcss-v3';
import ts from 'typescript';

const HERE = import.meta.dirname;
const VENDOR = 'dev.copy-that';
const PARTS = ['font-family', 'font-size', 'font-weight', 'letter-spacing', 'line-height'];
// A property that takes values of each type, to compare what they come to.
const PROPERTIES = {
  color: 'color',
  spacing: 'left',
  radius: 'left',
  shadow: 'box-shadow',
  gradient: 'background-image',
  ...Object.fromEntries(PARTS.map((part) => [part, part])),
};
const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The shortest spelling of a value: the same for two values that mean the same. */
function normalize(type, value) {
  const code = Buffer.from(`a{${PROPERTIES[type]}:${value}}`);
  const { code: short, warnings } = transform({ filename: 'value.css', code, minify: true });
  if (warnings.length || short.length < 5) throw new Error(`"${value}" is no ${type}`);
  return short.toString();
}

/** The type of a property by its name, one for each part of a text style; none for its shorthand. */
function typeOf(name) {
  const group = name.slice(2).split('-')[0];
  return group === 'typography' ? PARTS.find((part) => name.endsWith(`-${part}`)) : group;
}

function properties(css) {
  const found = new Map();
  postcss.parse(css).walkDecls(/^--/, (each) => found.set(each.prop, each.value));
  return found;
}

/** Properties with the values that their references come to. */
function resolved(css) {
  const found = properties(css);
  const resolve = (value) => value.replace(/"[^"]*"|'[^']*'|var\((--[a-z0-9-]+)\)/g, (text, name) => {
    if (name && !found.has(name)) throw new Error(`there is no ${name}`);
    return name ? resolve(found.get(name)) : text;
  });
  return new Map([...found].map(([name, value]) => [name, resolve(value)]));
}

/** What differs between our properties and those that a tool came to. */
function compare(ours, theirs, read = (_type, value) => value) {
  const problems = [];
  for (const [name, value] of ours) {
    const type = typeOf(name);
    if (!theirs.has(name)) problems.push(`${name} is missing`);
    else if (normalize(type, read(type, value)) !== normalize(type, read(type, theirs.get(name))))
      problems.push(`${name}: ${value} became ${theirs.get(name)}`);
  }
  return problems;
}

async function checkCss({ css, ours }) {
  const { warnings } = transform({ filename: 'tokens.css', code: Buffer.from(css) });
  const standard = path.join(HERE, 'node_modules/stylelint-config-standard/index.js');
  const linted = await stylelint.lint({ code: css, config: { extends: [standard] } });
  for (const [name, value] of ours) normalize(typeOf(name), value);
  return [...warnings.map((each) => each.message), ...linted.results[0].warnings.map((each) => each.text)];
}

const TERRAZZO_RULES = ['font-family', 'font-weight', 'number', 'shadow', 'gradient', 'typography'];

async function checkTerrazzo({ dir, dtcg, ours }) {
  const cwd = pathToFileURL(`${dir}/`);
  const logger = new Logger({ level: 'silent' });
  const config = defineConfig(
    {
      plugins: [terrazzoCss({ filename: 'out.css', colorDepth: 'unlimited' })],
      lint: {
        rules: {
          ...Object.fromEntries(TERRAZZO_RULES.map((rule) => [`core/valid-${rule}`, 'error'])),
          'core/consistent-naming': ['error', { format: 'kebab-case' }],
          'core/valid-color': ['error', { legacyFormat: false, ignoreRanges: false }],
          'core/valid-dimension': ['error', { legacyFormat: false, allowedUnits: ['px', 'rem'] }],
        },
      },
    },
    { cwd, logger },
  );
  const parsed = await parse([{ filename: new URL('tokens.json', cwd), src: dtcg }], { config, logger });
  const { outputFiles } = await build(parsed.tokens, { ...parsed, config, logger });
  const theirs = resolved(outputFiles.find((file) => file.filename === 'out.css').contents);
  const logged = logger.warnCount + logger.errorCount;
  // It writes the stops of a gradient and leaves its function to the user.
  const stops = (type, value) =>
    type === 'gradient' ? `linear-gradient(${value.replace(/^(linear|radial)-gradient\(((-?[\d.]+deg|circle), )?|\)$/g, '')})` : value;
  return [...(logged ? [`${logged} warnings`] : []), ...compare(ours, theirs, stops)];
}

/** What Style Dictionary lacks for a gradient: its function, with kind and angle. */
const gradientTransform = {
  type: 'value',
  filter: (token) => token.$type === 'gradient',
  transform: ({ $value, $extensions }) => {
    const { kind, angle } = $extensions[VENDOR].gradient;
    const color = ({ components, alpha }) => `rgb(${components.map((each) => `${each * 100}%`).join(' ')} / ${alpha})`;
    const stops = $value.map((stop) => `${color(stop.color)} ${stop.position * 100}%`);
    const line = kind === 'radial' ? ['circle'] : angle === null ? [] : [`${angle}deg`];
    return `${kind}-gradient(${[...line, ...stops].join(', ')})`;
  },
};

async function checkStyleDictionary({ dir, ours }) {
  const dictionary = new StyleDictionary({
    source: [path.join(dir, 'tokens.json')],
    expand: { include: ['typography'] },
    log: { warnings: 'error', verbosity: 'silent' },
    hooks: { transforms: { gradient: gradientTransform } },
    platforms: {
      css: {
        transformGroup: 'css',
        transforms: ['gradient'],
        files: [{ destination: 'out.css', format: 'css/variables' }],
      },
    },
  });
  const [file] = await dictionary.formatPlatform('css');
  return compare(ours, properties(file.output));
}

function checkSass({ dir, ours }) {
  const warnings = [];
  const source = `@use "sass:meta"; @use "tokens";
    @each $type, $tokens in (color: tokens.$color, spacing: tokens.$spacing, shadow: tokens.$shadow,
        gradient: tokens.$gradient, radius: tokens.$radius) {
      @each $name, $value in $tokens { :root { --#{$type}-#{$name}: #{meta.inspect($value)}; } }
    }
    @each $name, $parts in tokens.$typography {
      @each $part, $value in $parts { :root { --typography-#{$name}-#{$part}: #{meta.inspect($value)}; } }
    }`;
  const logger = { warn: (message) => warnings.push(message) };
  const { css } = sass.compileString(source, { loadPaths: [dir], logger });
  return [...warnings, ...compare(ours, properties(css))];
}

function checkTypes(inputs) {
  const options = {
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ...{ isolatedModules: true, verbatimModuleSyntax: true, noUnusedLocals: true, noEmit: true },
    ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, types: [] },
  };
  const program = ts.createProgram(inputs.map(({ dir }) => path.join(dir, 'theme.ts')), options);
  return ts.getPreEmitDiagnostics(program).map(
    (each) => `${each.file?.fileName}: ${ts.flattenDiagnosticMessageText(each.messageText, ' ')}`,
  );
}

async function checkReact({ theme, ours }) {
  const { outputText } = ts.transpileModule(theme, { compilerOptions: { module: ts.ModuleKind.ESNext } });
  const module = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
  const theirs = new Map();
  for (const [type, tokens] of Object.entries(module.theme))
    for (const [name, value] of Object.entries(tokens))
      if (typeof value === 'object')
        for (const [part, each] of Object.entries(value)) theirs.set(`--${type}-${name}-${kebab(part)}`, `${each}`);
      else theirs.set(`--${type}-${name}`, value);
  return compare(ours, theirs);
}

// Theme keys and the class whose rule must follow them: one key of two that meet is lost silently.
const CLASSES4 = { color: 'bg', spacing: 'p', radius: 'rounded', shadow: 'shadow', 'background-image': 'bg', text: 'text', font: 'font' };
const CLASSES3 = { colors: 'bg', spacing: 'p', borderRadius: 'rounded', boxShadow: 'shadow', backgroundImage: 'bg', fontSize: 'text', fontFamily: 'font' };

/** The rules of each class; Tailwind 3 writes one for each key that feeds it. */
function rules(css) {
  const found = new Map();
  postcss.parse(css).walkRules(/^\./, (rule) => {
    const name = rule.selector.replaceAll('\\', '').slice(1);
    found.set(name, `${found.get(name) ?? ''}${rule}`);
  });
  return found;
}

function checkRules(expected, css) {
  const found = rules(css);
  return expected.flatMap(([name, value]) => {
    const rule = found.get(name);
    return rule?.includes(value) ? [] : [`.${name} does not use ${value}: ${rule ?? 'it is not generated'}`];
  });
}

async function checkTailwind4({ tailwind }) {
  const theme = properties(tailwind);
  const expected = [...theme.keys()].filter((name) => !name.slice(2).includes('--')).map((name) => {
    const space = Object.keys(CLASSES4).find((each) => name.startsWith(`--${each}-`));
    if (!space) throw new Error(`${name} is in no namespace of Tailwind`);
    const value = space === 'shadow' ? '--tw-shadow:' : `var(${name})`;
    return [`${CLASSES4[space]}-${name.slice(space.length + 3)}`, value];
  });
  const own = fs.readFileSync(path.join(HERE, 'node_modules/tailwindcss/theme.css'), 'utf8');
  const { build: generate } = await compile(`${own}\n${tailwind}\n@tailwind utilities;`);
  const css = generate(expected.map(([name]) => name));
  // Tailwind leaves out variables it takes for unused: an alias must not lose its token.
  resolved(css.replace(/var\(--tw-[^()]*\)/g, ''));
  return checkRules(expected, css);
}

async function checkTailwind3({ config }) {
  const module = { exports: {} };
  new Function('module', config)(module);
  const expected = Object.entries(module.exports.theme.extend).flatMap(([key, values]) =>
    Object.entries(values).map(([name, value]) => {
      const first = key === 'fontSize' ? value[0] : key === 'fontFamily' ? value.join(', ') : value;
      const seen = key === 'colors' ? 'background-color' : key === 'boxShadow' ? '--tw-shadow:' : first;
      return [`${CLASSES3[key]}-${name}`, seen];
    }),
  );
  const raw = `<p class="${expected.map(([name]) => name).join(' ')}">`;
  const preset = { ...module.exports, content: [{ raw, extension: 'html' }] };
  const { css } = await postcss([tailwind3(preset)]).process('@tailwind utilities;', { from: undefined });
  return checkRules(expected, css);
}

function load(dir) {
  const text = (name) => fs.readFileSync(path.join(dir, name), 'utf8');
  const css = text('tokens.css');
  const ours = new Map([...resolved(css)].filter(([name]) => typeOf(name)));
  return { dir, css, ours, dtcg: text('tokens.json'), theme: text('theme.ts'), tailwind: text('tailwind.css'), config: text('tailwind.config.js') };
}

const CHECKS = {
  css: checkCss,
  terrazzo: checkTerrazzo,
  'style-dictionary': checkStyleDictionary,
  sass: checkSass,
  react: checkReact,
  tailwind4: checkTailwind4,
  tailwind3: checkTailwind3,
};
const problems = [];
const inputs = process.argv.slice(2).map((dir) => load(path.resolve(dir)));
for (const input of inputs)
  for (const [name, check] of Object.entries(CHECKS)) {
    const found = await Promise.resolve(input).then(check).catch((error) => [error.message]);
    problems.push(...found.map((each) => `${input.dir}: ${name}: ${each}`));
  }
problems.push(...checkTypes(inputs));
for (const each of problems) console.log(each);
process.exitCode = problems.length || !inputs.length ? 1 : 0;
