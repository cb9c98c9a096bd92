import { cities, countries } from "./places.ts";

/** The network's own words, and others of its trade that look like names. Never an entity. */
const networkWords: ReadonlySet<string> = new Set(
  `peerllm|llama|llama.cpp|gguf|openai|qwen|gemma|mistral|mixtral|phi|gpt|gpt-4|chatgpt|claude|gemini|deepseek|anthropic|hugging face|hugging|huggingface|langchain|nat|paypal|github|gitlab|docker|kubernetes|linux|ubuntu|debian|windows|macos|android|ios|python|java|javascript|typescript|rust|golang|kotlin|swift|ruby|perl|php|haskell|scala|julia|react|angular|vue|django|flask|laravel|rails|spring|node.js|node|deno|bun|git|sql|mysql|postgresql|postgres|sqlite|redis|mongodb|json|yaml|xml|html|css|http|https|api|sdk|cli|gpu|cpu|ram|usb|wifi|bluetooth|excel|word|powerpoint|photoshop|latex|markdown|bash|vim|emacs|jupyter|pandas|numpy|pytorch|tensorflow|keras|internet|wikipedia|bitcoin|ethereum|localhost|langchain|ollama|vllm|websocket|websockets|gpus|cpus|apis|llms|node-llama-cpp|vercel|supabase|firebase|heroku|readme|npm|vscode|firefox|chrome|safari|unicode|ascii|utf-8|regex|async|await|url|uri|tcp|udp|dns|ssh|ssl|tls|vpn|oauth|jwt|csv|pdf|png|jpeg|svg|ui|ux|ai|ml|nlp|llm|dna|rna|nadh|atp|diy|faq|ceo|cto|cfo|hr|asap|fyi|btw|lol|omg`.split(
    "|",
  ),
);

/** People of history, science, letters, politics and stage whom a question may be about; full names and the names they go by. */
const publicPeople: ReadonlySet<string> = new Set(
  `albert einstein|einstein|isaac newton|newton|galileo galilei|galileo|marie curie|curie|charles darwin|darwin|nikola tesla|thomas edison|stephen hawking|hawking|alan turing|turing|ada lovelace|richard feynman|feynman|niels bohr|max planck|erwin schrödinger|werner heisenberg|heisenberg|carl sagan|neil degrasse tyson|louis pasteur|gregor mendel|alexander fleming|rosalind franklin|james watson|francis crick|michael faraday|james clerk maxwell|johannes kepler|copernicus|nicolaus copernicus|archimedes|pythagoras|euclid|gauss|carl friedrich gauss|leonhard euler|euler|pierre de fermat|fermat|bernhard riemann|riemann|david hilbert|kurt gödel|john von neumann|claude shannon|grace hopper|linus torvalds|dennis ritchie|ken thompson|donald knuth|edsger dijkstra|dijkstra|tim berners-lee|guido van rossum|bayes|thomas bayes|laplace|fourier|poisson|bernoulli|markov|monte carlo|fibonacci|descartes|leibniz|rené descartes|socrates|plato|aristotle|confucius|laozi|buddha|jesus|jesus christ|christ|god|lord|allah|immanuel kant|kant|friedrich nietzsche|nietzsche|karl marx|marx|john locke|thomas hobbes|adam smith|john maynard keynes|keynes|milton friedman|sigmund freud|freud|carl jung|voltaire|machiavelli|hegel|spinoza|wittgenstein|sartre|jean-paul sartre|simone de beauvoir|michel foucault|noam chomsky|william shakespeare|shakespeare|jane austen|charles dickens|dickens|mark twain|twain|ernest hemingway|hemingway|george orwell|orwell|virginia woolf|james joyce|oscar wilde|edgar allan poe|emily dickinson|walt whitman|robert frost|maya angelou|toni morrison|leo tolstoy|tolstoy|fyodor dostoevsky|dostoevsky|anton chekhov|franz kafka|kafka|johann wolfgang von goethe|goethe|victor hugo|marcel proust|albert camus|camus|gabriel garcía márquez|jorge luis borges|pablo neruda|miguel de cervantes|cervantes|dante alighieri|ovid|sappho|sophocles|j.k. rowling|j. k. rowling|rowling|harry potter|stephen king|agatha christie|j.r.r. tolkien|tolkien|c.s. lewis|isaac asimov|arthur c. clarke|haruki murakami|sherlock holmes|sherlock|hamlet|macbeth|othello|frodo|gandalf|luke skywalker|darth vader|batman|superman|spider-man|james bond|mickey mouse|santa|santa claus|cinderella|zeus|hercules|odysseus|achilles|leonardo da vinci|da vinci|michelangelo|vincent van gogh|van gogh|pablo picasso|picasso|claude monet|monet|rembrandt|salvador dalí|salvador dali|frida kahlo|andy warhol|banksy|mozart|wolfgang amadeus mozart|beethoven|ludwig van beethoven|bach|johann sebastian bach|chopin|tchaikovsky|vivaldi|verdi|elvis presley|elvis|the beatles|beatles|john lennon|paul mccartney|ringo starr|michael jackson|madonna|bob dylan|david bowie|freddie mercury|jimi hendrix|kurt cobain|beyoncé|beyonce|rihanna|taylor swift|lady gaga|ed sheeran|eminem|kanye west|jay-z|justin bieber|lionel messi|messi|cristiano ronaldo|ronaldo|pelé|maradona|michael jordan|lebron james|kobe bryant|serena williams|roger federer|federer|rafael nadal|nadal|novak djokovic|usain bolt|muhammad ali|tiger woods|tom brady|babe ruth|charlie chaplin|marilyn monroe|alfred hitchcock|steven spielberg|spielberg|quentin tarantino|christopher nolan|martin scorsese|stanley kubrick|walt disney|tom hanks|tom cruise|brad pitt|leonardo dicaprio|johnny depp|meryl streep|angelina jolie|scarlett johansson|morgan freeman|will smith|robert de niro|al pacino|oprah winfrey|oprah|ellen degeneres|george washington|abraham lincoln|thomas jefferson|benjamin franklin|theodore roosevelt|franklin d. roosevelt|roosevelt|john f. kennedy|jfk|richard nixon|nixon|ronald reagan|reagan|bill clinton|hillary clinton|george bush|george w. bush|barack obama|obama|michelle obama|donald trump|trump|joe biden|biden|kamala harris|bernie sanders|winston churchill|churchill|margaret thatcher|thatcher|tony blair|boris johnson|queen elizabeth|queen elizabeth ii|queen victoria|king charles|princess diana|prince william|prince harry|meghan markle|napoleon|napoleon bonaparte|charles de gaulle|emmanuel macron|macron|angela merkel|merkel|adolf hitler|hitler|otto von bismarck|joseph stalin|stalin|vladimir lenin|lenin|leon trotsky|mikhail gorbachev|gorbachev|vladimir putin|putin|volodymyr zelensky|zelensky|mao zedong|mao|deng xiaoping|xi jinping|mahatma gandhi|gandhi|jawaharlal nehru|nehru|narendra modi|nelson mandela|mandela|martin luther king|martin luther king jr.|martin luther|malcolm x|rosa parks|che guevara|fidel castro|simón bolívar|julius caesar|caesar|augustus|cleopatra|alexander the great|genghis khan|attila|charlemagne|joan of arc|christopher columbus|columbus|marco polo|ferdinand magellan|vasco da gama|amelia earhart|neil armstrong|buzz aldrin|yuri gagarin|mother teresa|dalai lama|pope francis|pope john paul ii|greta thunberg|malala yousafzai|malala|bill gates|steve jobs|steve wozniak|elon musk|musk|mark zuckerberg|zuckerberg|jeff bezos|bezos|warren buffett|larry page|sergey brin|satya nadella|sundar pichai|tim cook|sam altman|jensen huang|jack ma|henry ford|andrew carnegie|john d. rockefeller|satoshi nakamoto|siri|cortana`.split(
    "|",
  ),
);

/** Companies, products, media and bodies a question may be about. */
const publicOrganisations: ReadonlySet<string> = new Set(
  `google|apple|microsoft|amazon|facebook|meta|twitter|x|instagram|youtube|whatsapp|tiktok|snapchat|linkedin|reddit|netflix|spotify|uber|lyft|airbnb|tesla|spacex|nvidia|intel|amd|ibm|oracle|cisco|samsung|sony|lg|huawei|xiaomi|nokia|dell|hp|lenovo|asus|toyota|honda|ford|bmw|mercedes|mercedes-benz|volkswagen|audi|porsche|ferrari|nissan|hyundai|kia|volvo|boeing|airbus|nasa|esa|cia|fbi|nsa|irs|fda|cdc|epa|who|un|united nations|eu|european union|nato|unicef|unesco|imf|world bank|wto|opec|red cross|walmart|target|costco|ikea|nike|adidas|puma|zara|h&m|gucci|mcdonald's|mcdonalds|starbucks|kfc|burger king|subway|coca-cola|coke|pepsi|nestlé|nestle|unilever|disney|pixar|marvel|warner bros|hbo|bbc|cnn|fox news|nbc|abc|cbs|nytimes|new york times|the new york times|washington post|wall street journal|the guardian|reuters|bloomberg|forbes|time|visa|mastercard|american express|goldman sachs|jpmorgan|bank of america|wells fargo|citibank|hsbc|barclays|deutsche bank|pfizer|moderna|johnson & johnson|astrazeneca|bayer|novartis|roche|exxon|shell|bp|chevron|general electric|ge|general motors|gm|siemens|bosch|philips|adobe|salesforce|zoom|slack|dropbox|ebay|etsy|alibaba|tencent|baidu|wechat|weibo|harvard|harvard university|yale|stanford|stanford university|mit|princeton|oxford university|cambridge university|congress|senate|parliament|supreme court|white house|pentagon|nba|nfl|mlb|nhl|fifa|uefa|olympics|ncaa|manchester united|real madrid|barcelona|nintendo|playstation|xbox|minecraft|fortnite|pokemon|pokémon|lego|barbie|windows|iphone|ipad|android|chrome|firefox|gmail|outlook|amazon web services|aws|azure|democrats|republicans|democratic party|republican party|labour|tories|isis|taliban|al qaeda|hamas|kgb|ss|us army|navy|air force|marines|quora|stack overflow|stackoverflow|yelp|imdb|webmd|tripadvisor|expedia|medium|wordpress|shopify|stripe|venmo|robinhood|coinbase|peerllm`.split(
    "|",
  ),
);

/** Whether a value names something of this trade rather than anyone, and so is no entity at all. */
export function isNetworkWord(value: string): boolean {
  return networkWords.has(plain(value));
}

/** Whether a name is of someone the public knows, whom it protects no one to mask. */
export function isPublicName(value: string): boolean {
  return publicPeople.has(plain(value)) || publicOrganisations.has(plain(value));
}

/** Whether a name is of a country, a continent, a state, a large company or a public body. */
export function isPublicPlace(value: string): boolean {
  return countries.has(plain(value)) || publicOrganisations.has(plain(value));
}

/** Whether a name is of a city the public knows. */
export function isCity(value: string): boolean {
  return cities.has(plain(value));
}

function plain(value: string): string {
  return value
    .toLowerCase()
    .replace(/['’]s$/, "")
    .replace(/\s+/g, " ")
    .trim();
}
