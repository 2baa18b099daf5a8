/**
 * The words of spoken codes.
 *
 * Short, common, told apart by ear and by their first three letters. Invariant: 256 of them, in alphabetical order, so that
 * one word carries eight bits; changing the list changes what codes mean, for both sides.
 */

/** The 256 words, in lower case. */
export const CODE_WORDS: readonly string[] = `
  acorn amber anchor apple arrow atlas autumn avenue banjo barrel
  beacon bench berry bicycle bishop blanket boat bottle bracket bridge
  bucket bugle butter cabin cactus camel candle carpet castle cedar
  chalk cherry circus clover cobra coffee compass copper corner cotton
  cousin crayon cricket crystal cushion daisy dancer desert diamond dinner
  dolphin donkey dragon drum eagle echo eclipse elbow elephant emerald
  engine envelope fabric falcon farmer feather fiddle finger forest fossil
  fountain fridge frog galaxy garden gazelle ginger globe golden grape
  guitar hammer harbor hazel helmet hockey honey hotel hunter iceberg
  igloo iron island ivory jacket jaguar jasmine jelly jigsaw jockey
  journey jungle kangaroo kayak kettle kitchen kiwi knight koala ladder
  lagoon lantern laptop lemon letter lime lizard lobster lotus lumber
  lyric magnet mango marble meadow mirror modem monkey morning mosaic
  mountain muffin museum mystery napkin nectar needle noodle notebook nutmeg
  oasis ocean octopus olive omelet onion opera orange orbit orchard
  ostrich otter oven oyster paddle palace panda parrot peanut pebble
  pencil pepper piano picnic pigeon pilot pirate planet plum poem
  pony poster potato powder prism pumpkin puzzle pyramid quartz quilt
  rabbit radar raven razor ribbon river robin rocket roof rose
  rubber saddle salmon sandal school scooter shadow shell shirt silver
  siren sketch smoke snail soap solar spider sugar summer swan
  table tailor talent tango target temple tennis thunder ticket tiger
  timber toast tomato topaz tower trumpet tulip tunnel turtle umbrella
  unicorn valley vanilla velvet victory village violin volcano waffle wagon
  walnut whale whistle willow window wizard wolf wood wreath yacht
  yellow yogurt zebra zenith zigzag zipper
`
  .trim()
  .split(/\s+/)
