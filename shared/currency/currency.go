// Package currency knows the currencies of ISO 4217 and how many decimals their amounts have.
package currency

import "strings"

// byPlaces are the currencies of ISO 4217's list one, by the decimals of their minor unit. What has none there (gold, test codes) is no currency of ours.
// The tables of Unicode (golang.org/x/text/currency) are about how people write amounts, and differ: 0 decimals for IQD, where ISO has 3.
var byPlaces = map[int]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
	2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP " +
		"DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL " +
		"MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP " +
		"SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
	3: "BHD IQD JOD KWD LYD OMR TND",
	4: "CLF UYW",
}

var places = func() map[string]int {
	of := map[string]int{}
	for n, codes := range byPlaces {
		for code := range strings.FieldsSeq(codes) {
			of[code] = n
		}
	}
	return of
}()

// Places returns how many decimals amounts in a currency have: 2 for EUR, 0 for JPY, 3 for KWD. Codes are upper case; ok is false for what is none.
func Places(code string) (n int, ok bool) {
	n, ok = places[code]
	return n, ok
}
