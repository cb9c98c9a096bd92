/** The project's own requests in which nothing is a name to be masked, for all their capitals: what models are asked all day. */
export const instructions: readonly string[] = `
Translate the sentence into Spanish.
Translate 'Good Morning' to English.
Summarize the text below.
Summarise The Old Man and the Sea.
Summarize The Lord of the Rings in one paragraph.
Compare iPhone and Android phones.
Compare Kubernetes and Docker.
Recommend a science fiction book like Dune.
Rewrite the paragraph in a formal tone.
Rephrase this sentence.
Proofread my essay and correct the grammar.
Paraphrase the following passage.
Classify the review as Positive or Negative.
Categorize these items: apple, hammer, carrot, screwdriver.
Identify the verb in the sentence.
Generate ten ideas for a blog post.
Create a table with three columns.
Describe the Krebs cycle and the role of NADH.
Describe the water cycle.
Define the term osmosis.
Explain the Pythagorean theorem.
Explain Newton's laws of motion.
Explain Ohm's law to a child.
Calculate the area of a circle with radius {N}.
Solve the equation for x.
Convert {N} miles to kilometers.
Convert the temperature from Fahrenheit to Celsius.
Sort the list in ascending order.
Fix the bug in this JavaScript code.
Debug the following Rust program.
Implement a binary search in Haskell.
Refactor the class using dependency injection.
Design a database schema for a library.
Write a haiku about autumn.
Write a limerick about a frog.
Write unit tests with Jest and React Testing Library.
Write a bash script that renames files.
Write a product description for a coffee maker.
Bake a Victoria sponge.
Bake a chocolate cake for eight people.
Cook the rice until tender, then add the onions.
Preheat the oven to {N} degrees.
how do i cook risotto with mushrooms and parmesan
how do i make guacamole, hummus and tzatziki
list the planets: mercury, venus, earth, mars, jupiter, saturn, uranus, neptune
list the noble gases: helium, neon, argon, krypton, xenon
name five mammals, reptiles and amphibians
what is a monad in functional programming
what is the boiling point of ethanol
why is the sky blue and the grass green
can penguins fly? can ostriches swim?
is pluto a planet or a dwarf planet
Is Pluto a planet?
Is Mars habitable? How far is Jupiter from the Sun?
What are the symptoms of Lyme disease?
What is Parkinson's disease?
What is Crohn's disease and how is it treated?
What is Hodgkin lymphoma?
What does the Fourth Amendment say?
What does HTTP 404 mean?
What's the difference between TCP and UDP?
What is the difference between Kubernetes and Docker Swarm?
In Python, how do I use asyncio.gather?
How do I center a div in CSS?
How do I undo the last commit in Git?
How do I use VLOOKUP in Excel?
How does a Petri dish work?
How does the Doppler effect work?
What is a Venn diagram? What is a Gantt chart?
What is a Turing machine? What is the Fermi paradox?
What is Occam's razor?
What is Moore's law?
Use a Bunsen burner and a Geiger counter.
Draw a Punnett square.
Who wins, Batman or Superman?
Who wrote the Iliad and the Odyssey?
Tell me a joke about programmers.
Tell me about the Great Barrier Reef.
Give me a workout plan for Monday, Wednesday and Friday.
Give me synonyms for happy.
Suggest a name for a cat cafe.
Act as a travel agent and plan a trip.
Act like a Linux terminal.
Pretend you are a pirate.
Roleplay as a medieval blacksmith.
Imagine a world without gravity.
Please provide the output as JSON.
Return only the answer, no explanation.
Options: A. Red B. Blue C. Green D. Yellow
Answer: C
Input: {N} Output: {N}
Context: The mitochondria are the powerhouse of the cell.
Given two strings, check whether one is a permutation of the other.
Given an array of integers, return indices of the two numbers that add up to target.
def main():\n    print("Hello World")
def fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1)
from collections import defaultdict, Counter, OrderedDict
from typing import List, Dict, Optional, Tuple, Any, Union
class Solution:\n    def twoSum(self, nums: List[int]) -> List[int]:
for i in range(len(arr)):\n    if arr[i] > pivot: continue
const response = await fetch(url);
console.log("Done");
import numpy as np\nimport pandas as pd
SELECT name, city FROM Customers WHERE Country = 'Germany';
CREATE TABLE Orders (OrderID int PRIMARY KEY, CustomerID int);
<div class="Header"><h1>Welcome</h1></div>
Exception in thread "main" java.lang.NullPointerException
Traceback (most recent call last): ValueError: invalid literal
The Eiffel Tower is a landmark.
The Amazon rainforest is shrinking.
The Nobel Prize in Physics was awarded.
The Beatles broke up in {N}.
The Super Bowl is on Sunday.
Ingredients: flour, sugar, eggs, butter, vanilla extract
Step 1: Mix the flour. Step 2: Add the eggs.
Dear Valued Customer, your order has shipped.
Pros: light, cheap. Cons: fragile.
Key Takeaways
Executive Summary
Learning Objectives
Materials Needed
Frequently Asked Questions
Return Policy
`
  .trim()
  .split("\n")
  .map((line) => line.replaceAll("\\n", "\n"));

/** Everyday words the corpora have too seldom to be learned as such. */
export const everydayWords: readonly string[] =
  `translate summarize summarise compare recommend rewrite rephrase proofread paraphrase classify categorize identify generate create describe define explain calculate solve convert sort fix debug implement refactor design bake cook preheat suggest imagine pretend roleplay provide return options input output context given array string integer function class method variable loop recursion algorithm database schema query table column row index key value object module package library framework server client browser request response header cookie session token cache queue stack heap tree graph node edge vertex matrix vector tensor gradient regression classifier dataset model training inference prompt mercury venus earth mars jupiter saturn uranus neptune pluto galaxy nebula comet asteroid orbit telescope satellite gravity photon electron proton neutron quark atom molecule compound element hydrogen helium carbon nitrogen oxygen sodium magnesium silicon phosphorus sulfur chlorine potassium calcium iron copper zinc silver gold lead uranium acid base salt enzyme protein lipid glucose insulin hormone neuron synapse cortex artery vein kidney liver lung stomach muscle bone tissue organ organism species genus mammal reptile amphibian bird insect spider whale dolphin shark salmon tuna penguin ostrich eagle sparrow pigeon rabbit squirrel hamster kitten puppy horse donkey sheep goat pig cow chicken duck goose turkey risotto pasta pizza lasagna spaghetti parmesan mozzarella cheddar basil oregano thyme rosemary parsley cilantro cumin turmeric paprika cinnamon ginger garlic onion carrot celery potato tomato cucumber lettuce spinach broccoli cabbage pepper eggplant zucchini mushroom avocado guacamole hummus tzatziki lentils chickpeas beans rice quinoa oatmeal flour yeast butter cream yogurt cheese milk honey syrup vanilla chocolate caramel almond walnut peanut hazelnut apple banana orange lemon lime mango pineapple strawberry raspberry blueberry cherry peach pear plum grape melon essay paragraph sentence grammar vocabulary synonym antonym adjective adverb noun verb pronoun haiku limerick sonnet poem stanza rhyme metaphor simile novel chapter plot theme character dialogue theorem equation variable polynomial derivative integral triangle circle square rectangle polygon angle radius diameter perimeter volume probability statistics median variance deviation hypothesis experiment laboratory organism catalysts chemistry biology physics geology astronomy economics philosophy psychology sociology anthropology inflation recession tariff subsidy mortgage dividend portfolio revenue profit invoice budget strategy marketing branding logistics warehouse inventory supplier retailer wholesale startup entrepreneur venture dehydration salting marine bamboo mining trafficking resorts envies worried nicknamed`.split(
    " ",
  );
